// What lies on the phone, in IndexedDB. One database for the device, and one for each volunteer who uses it.

const STORES = ["kept", "forms"];

/** A database by its name; `kept` holds values by key, `forms` records by `id`. */
export async function openDatabase(name) {
  return new Database(name, await connected(name));
}

function connected(name) {
  return new Promise((resolve, reject) => {
    const request = indexedDB.open(name, 1);
    request.addEventListener("upgradeneeded", () => {
      request.result.createObjectStore("kept");
      request.result.createObjectStore("forms", { keyPath: "id" });
    });
    request.addEventListener("success", () => resolve(request.result));
    request.addEventListener("error", () => reject(request.error));
  });
}

class Database {
  constructor(name, database) {
    this.name = name;
    this.database = database;
  }

  /** A kept value, or undefined. */
  kept(key) {
    return this.within("readonly", (stores) => stores.kept.get(key));
  }

  keep(key, value) {
    return this.within("readwrite", (stores) => stores.kept.put(value, key));
  }

  forget(key) {
    return this.within("readwrite", (stores) => stores.kept.delete(key));
  }

  /** All forms, as they are stored. */
  forms() {
    return this.within("readonly", (stores) => stores.forms.getAll());
  }

  /** Stores forms: all of them or, when it fails, none. */
  putForms(forms) {
    return this.within("readwrite", (stores) => forms.map((form) => stores.forms.put(form)).at(-1));
  }

  /** Deletes everything. */
  empty() {
    return this.within("readwrite", (stores) => Object.values(stores).map((store) => store.clear()).at(-1));
  }

  deleteForms(ids) {
    return this.within("readwrite", (stores) => ids.map((id) => stores.forms.delete(id)).at(-1));
  }

  /** Deletes forms, and adds their number to what was let go of before. */
  letGo(ids) {
    return this.within("readwrite", (stores) => {
      const before = stores.kept.get("let-go");
      before.addEventListener("success", () => stores.kept.put((before.result ?? 0) + ids.length, "let-go"));
      for (const id of ids) stores.forms.delete(id);
      return before;
    });
  }

  /**
   * One transaction; resolves once it is on the disk, with the result of the request that `work` returns. A connection that
   * the browser has closed, as it does when its storage fails or is tidied up, is made anew.
   */
  async within(mode, work) {
    try {
      return await this.attempt(mode, work);
    } catch (error) {
      if (error.name !== "InvalidStateError") throw error;
      this.database = await connected(this.name);
      return this.attempt(mode, work);
    }
  }

  attempt(mode, work) {
    return new Promise((resolve, reject) => {
      // strict: a phone that dies after this said yes has it
      const transaction = this.database.transaction(STORES, mode, { durability: "strict" });
      let request;
      transaction.addEventListener("complete", () => resolve(request?.result));
      transaction.addEventListener("abort", () => reject(transaction.error ?? new DOMException("aborted", "AbortError")));
      try {
        request = work({ kept: transaction.objectStore("kept"), forms: transaction.objectStore("forms") });
      } catch (error) {
        transaction.abort();
        reject(error);
      }
    });
  }
}
