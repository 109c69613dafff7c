// Pictures of samples, once the server has read them again.
import { part } from "../../kit/api.js";
import { element } from "../../kit/dom.js";

const again = 2000; // milliseconds until it is asked again whether they are read

// pictures returns {of(set, sample, label), ask(run), close()}. told(why) is called when that is known: "" when there are pictures.
export function pictures(api, told) {
  let run = "", ready = false, texts = false, timer = 0;

  async function ask() {
    const of = run, answer = await api.get(`/v1/studio/runs/${part(of)}/shown`);
    if (of !== run) return;
    if (!answer.ready && !answer.why) {
      timer = setTimeout(() => ask().catch(api.complain), again);
      return;
    }
    ({ ready, texts } = answer);
    told(ready ? "" : `The samples are not shown: ${answer.why}.`);
  }

  return {
    // of is the picture of a sample, or its label where there is none; nothing where samples are texts, which a sample has itself.
    of(set, sample, label) {
      const without = () => element("span", { class: "no-picture", "aria-hidden": "true" }, label);
      if (texts) return "";
      if (!ready) return without();
      const img = element("img", { src: `/v1/studio/runs/${part(run)}/picture?set=${set}&sample=${sample}`, alt: "", loading: "lazy" });
      img.addEventListener("load", () => img.classList.toggle("pixels", img.naturalWidth <= 48));
      img.addEventListener("error", () => img.replaceWith(without()));
      return img;
    },
    ask(next) {
      if (run === next) return;
      [run, ready, texts] = [next, false, false];
      clearTimeout(timer);
      told("The samples are being read …");
      ask().catch(api.complain);
    },
    close() { clearTimeout(timer); },
  };
}
