// Signing in to registration's pages.

import { begin, h } from "./page.js";
import { signInForm } from "./sign-in-form.js";

begin({ title: "signIn" }, (main) => {
  main.append(signInForm({ beside: h("p", { class: "hint" }, h("a", { href: "/sign-up", text: "notYetRegistered" }), " · ", h("a", { href: "/subscribers", text: "systemSignIn" })) }));
});
