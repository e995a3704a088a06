// What pages say of a request that was not done.

import { keptLanguage } from "./language.js";

const UNREACHABLE = {
  th: "ติดต่อระบบไม่ได้ โปรดตรวจสอบสัญญาณแล้วลองอีกครั้ง",
  en: "The system cannot be reached. Check the connection and try again.",
};

/** A request that was not done: refused by a service, or never answered. */
export class Refusal extends Error {
  /** problem: the document of the answer (RFC 9457), or null when there was none. */
  constructor(status, problem) {
    super(problem?.detail ?? problem?.message ?? problem?.title ?? UNREACHABLE[keptLanguage()]);
    this.isRefusal = true;
    this.status = status;
    this.code = problem?.code ?? problem?.error ?? "unreachable";
    this.errors = problem?.errors ?? [];
    this.document = problem;
  }
}
