import { number } from "../format";
import { pixelAt, worldAt } from "../places";
import type { Shown } from "../protocol";
import { type Found, found, inspectable, one } from "../store";
import { Facts, Section } from "./parts";

const list = (values: readonly number[]): string => values.map((value) => number(value)).join("  ");

/** What lies under the pointer. */
export function Inspector() {
  const [each, place] = [one.value, found.value];
  if (each === null || !inspectable.value) return null;
  return (
    <Section title="Inspector">
      {place === null ? (
        <p class="hint">Point at the picture, or press i to inspect its middle.</p>
      ) : (
        <>
          <Facts rows={places(each, place)} />
          <Values each={each} place={place} />
        </>
      )}
    </Section>
  );
}

function places(each: Shown, place: Found): [string, string][] {
  const rows: [string, string][] = [["Box", list(place.x)]];
  if (each.world !== null) rows.push(["World", `${list(worldAt(place.x, each.world))} ${each.world.unit}`]);
  const pixel = each.size === null ? null : pixelAt(place.x, each.size);
  if (pixel !== null) rows.push(["Pixel", pixel.join(", ")]);
  return rows;
}

function Values({ each, place }: { each: Shown; place: Found }) {
  const { value, truth } = place;
  return (
    <table class="values" data-place={JSON.stringify(place.x)}>
      <thead>
        <tr>
          <th scope="col">
            <span class="unseen">Channel</span>
          </th>
          <th scope="col">{place.exact ? "Value" : "Value as sent"}</th>
          {truth !== null && <th scope="col">Truth</th>}
          {truth !== null && <th scope="col">Error</th>}
        </tr>
      </thead>
      <tbody>
        {value.map((one, k) => {
          const known = truth?.[k];
          return (
            <tr key={k}>
              <th scope="row">{each.channels[k] ?? k}</th>
              <td data-value={one}>{number(one)}</td>
              {truth !== null && <td>{known === undefined ? "–" : number(known)}</td>}
              {truth !== null && <td>{known === undefined ? "–" : number(one - known, 3)}</td>}
            </tr>
          );
        })}
      </tbody>
    </table>
  );
}
