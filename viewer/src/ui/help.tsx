import { useEffect, useRef } from "preact/hooks";
import { helpFor } from "../input";
import { COMMANDS } from "../keys";
import { help, inspectable, one } from "../store";

/** All keys, in a dialog. */
export function Help() {
  const dialog = useRef<HTMLDialogElement>(null);
  useEffect(() => {
    if (help.value) dialog.current?.showModal();
  }, [help.value]);
  if (!help.value) return null;
  const each = one.value;
  const moves = each === null ? [] : helpFor(each, inspectable.value).map(({ keys, does }) => [keys, does] as const);
  const commands = COMMANDS.filter((command) => command.useful?.() ?? true).map(
    (command) => [command.told ?? command.keys[0], command.label] as const,
  );
  return (
    <dialog ref={dialog} class="dialog help" aria-labelledby="help-title" onClose={() => (help.value = false)}>
      <h2 id="help-title">Keys</h2>
      <dl class="keys">
        {[...moves, ...commands].map(([keys, label]) => (
          <div key={label}>
            <dt>{keys}</dt>
            <dd>{label}</dd>
          </div>
        ))}
      </dl>
      <form method="dialog" class="buttons">
        <button type="submit" autofocus>
          Close
        </button>
      </form>
    </dialog>
  );
}
