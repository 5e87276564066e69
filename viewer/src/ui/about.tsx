import { exportFile, savePicture } from "../actions";
import { bytes, short } from "../format";
import { chosen, connected, drawn, hello, one, path, served } from "../store";
import { Check, Facts, Section } from "./parts";

const HANDS = { page: "this page", server: "the server", stills: "who made the page" } as const;
const KINDS = { image: "image", shape: "shape", radiance: "radiance field", slices: "field in space" } as const;

/** What is shown, and who draws it. */
export function About() {
  const each = one.value;
  if (each === null) return null;
  const rows: [string, string][] = [["Kind", KINDS[each.kind]]];
  if (each.size !== null) rows.push(["Size", `${each.size[0]} × ${each.size[1]}`]);
  rows.push(["Parameters", short(each.parameters)], ["Drawn by", HANDS[path.value.by]]);
  if (drawn.value !== null && path.value.by === "page") rows.push(["Snapshot", `step ${drawn.value.step.toLocaleString("en")}, ${bytes(drawn.value.size)}`]);
  return (
    <Section title="About">
      {each.summary !== "" && <p class="summary">{each.summary}</p>}
      <Facts rows={rows} />
      {each.program !== null && connected.value && (
        <Check label="Let the server draw" value={served.value} set={(on) => (chosen.value = on ? "server" : "here")} />
      )}
      {path.value.why !== "" && <p class="hint">{path.value.why}</p>}
    </Section>
  );
}

/** What can be taken home. */
export function Files() {
  const each = one.value;
  if (each === null || hello.value === null) return null;
  const meshed = each.kind === "shape" || each.kind === "radiance";
  return (
    <Section title="Save">
      <div class="buttons">
        <button type="button" onClick={() => void savePicture()}>
          Picture
        </button>
        {connected.value && meshed && (
          <button type="button" onClick={() => exportFile("mesh")}>
            Mesh
          </button>
        )}
        {connected.value && (
          <button type="button" onClick={() => exportFile("page")}>
            Page
          </button>
        )}
      </div>
    </Section>
  );
}
