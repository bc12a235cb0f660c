/** The page's two questions: for the key, and for a reason. Each resolves to the answer, or to null when it is turned down. */
import { byId } from "./elements.js";

function ask(dialog, form, input) {
  return new Promise((resolve) => {
    input.value = "";
    form.onsubmit = (event) => {
      event.preventDefault();
      dialog.close(input.value.trim());
    };
    dialog.querySelector("[data-close]").onclick = () => dialog.close("");
    dialog.oncancel = () => {
      dialog.returnValue = "";
    };
    dialog.onclose = () => {
      input.value = "";
      resolve(dialog.returnValue === "" ? null : dialog.returnValue);
      dialog.returnValue = "";
    };
    dialog.showModal();
    input.focus();
  });
}

export const askKey = () => ask(byId("key-dialog"), byId("key-form"), byId("key-input"));

export function askReason({ title, text, submit, danger }) {
  byId("reason-title").textContent = title;
  byId("reason-text").textContent = text;
  byId("reason-submit").textContent = submit;
  byId("reason-submit").className = danger ? "danger" : "";
  return ask(byId("reason-dialog"), byId("reason-form"), byId("reason-input"));
}
