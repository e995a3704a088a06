// Signing in to the pages for who works with the survey.

import { begin } from "./page.js";
import { signInForm } from "./sign-in-form.js";

begin({ title: "signIn" }, (main) => {
  main.append(signInForm({ home: (staff) => (staff ? "/desk" : "/reach") }));
});
