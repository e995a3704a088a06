// Personal data: for whoever it is about (ask, follow, fetch the copy), and for staff who decide (?work).

import { begin, h, STAFF } from "../page.js";
import { showMine } from "./mine.js";
import "./text.js";
import { showWork } from "./work.js";

const working = new URLSearchParams(location.search).has("work");

begin({ title: working ? "privacyWork" : "myData", signedIn: working, forCitizens: !working }, async (main, who) => {
  if (!working) return showMine(main, STAFF.includes(who?.role));
  if (STAFF.includes(who.role)) return showWork(main, who);
  main.append(h("p", { class: "empty", text: "staffOnly" }));
});
