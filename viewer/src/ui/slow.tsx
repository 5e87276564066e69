import { duration } from "../format";
import { offer, served } from "../store";

/** Where pictures take very long here, whether the server should draw them. */
export function Slow() {
  const expected = offer.value;
  if (expected === null || expected === 0 || served.value) return null;
  const decide = (server: boolean): void => {
    served.value = server;
    offer.value = 0;
  };
  return (
    <div class="banner slow" role="status">
      <p>A picture takes about {duration(expected / 1000)} here.</p>
      <button type="button" onClick={() => decide(true)}>
        Let the server draw
      </button>
      <button type="button" onClick={() => decide(false)}>
        No
      </button>
    </div>
  );
}
