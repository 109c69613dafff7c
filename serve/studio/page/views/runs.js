// The runs of the folder.
import { count } from "../kit/dom.js";
import { sorted, table } from "../kit/table.js";

const columns = [
  { key: "name", title: "Run", value: (r) => r.name },
  { key: "state", title: "State", value: (r) => r.state },
];

export default {
  path: "runs",
  title: "Runs",
  async mount(root, state, api) {
    const list = table({ label: "Runs", sort: (key, down) => api.go({ sort: key, down: down ? 1 : null }) });
    root.append(list.root);
    const { runs } = await api.get("/v1/studio/runs");
    const update = (state) => {
      const key = state.get("sort", "name"), down = state.get("down") === "1";
      const by = columns.find((c) => c.key === key) || columns[0];
      list.show({ columns, rows: sorted(runs, by.value, down), key: by.key, down });
      api.say(count(runs.length, "run"));
    };
    update(state);
    return { update };
  },
};
