import type { ComponentChildren } from "preact";
import { useId } from "preact/hooks";

/** A part of the side panel that can be folded. */
export function Section({ title, open = true, children }: { title: string; open?: boolean; children: ComponentChildren }) {
  return (
    <details class="section" open={open}>
      <summary>
        <h2>{title}</h2>
      </summary>
      <div class="rows">{children}</div>
    </details>
  );
}

/** Names with their values, below each other. */
export function Facts({ rows }: { rows: readonly (readonly [string, ComponentChildren])[] }) {
  return (
    <dl class="facts">
      {rows.map(([name, value]) => (
        <div key={name}>
          <dt>{name}</dt>
          <dd>{value}</dd>
        </div>
      ))}
    </dl>
  );
}

interface RangeProps {
  readonly label: string;
  readonly value: number;
  readonly min: number;
  readonly max: number;
  readonly step: number;
  readonly told: string;
  readonly set: (value: number) => void;
}

export function Range({ label, value, min, max, step, told, set }: RangeProps) {
  const id = useId();
  return (
    <div class="row">
      <label for={id}>{label}</label>
      <input
        id={id}
        type="range"
        value={value}
        min={min}
        max={max}
        step={step}
        aria-valuetext={told}
        onInput={(event) => set(event.currentTarget.valueAsNumber)}
      />
      <output for={id}>{told}</output>
    </div>
  );
}

interface ChoiceProps<T extends string> {
  readonly label: string;
  readonly value: T;
  readonly of: readonly (readonly [T, string])[];
  readonly set: (value: T) => void;
}

export function Choice<T extends string>({ label, value, of, set }: ChoiceProps<T>) {
  const id = useId();
  return (
    <div class="row">
      <label for={id}>{label}</label>
      <select id={id} value={value} onChange={(event) => set(event.currentTarget.value as T)}>
        {of.map(([name, told]) => (
          <option key={name} value={name}>
            {told}
          </option>
        ))}
      </select>
    </div>
  );
}

/** Alternatives side by side, of which one holds: native radio buttons in other clothes. */
export function Segments<T extends string>({ label, value, of, set }: ChoiceProps<T>) {
  const name = useId();
  return (
    <fieldset class="segments">
      <legend class="unseen">{label}</legend>
      {of.map(([each, told]) => (
        <label key={each}>
          <input type="radio" name={name} value={each} checked={each === value} onChange={() => set(each)} />
          <span>{told}</span>
        </label>
      ))}
    </fieldset>
  );
}

export function Check({ label, value, set }: { label: string; value: boolean; set: (value: boolean) => void }) {
  return (
    <label class="check">
      <input type="checkbox" checked={value} onChange={(event) => set(event.currentTarget.checked)} />
      {label}
    </label>
  );
}

const ICONS = {
  save: "M8 2v7.5M4.8 6.6 8 9.8l3.2-3.2M2.5 12.5v1h11v-1",
  panel: "M2 3h12v10H2zM10 3v10",
  pause: "M5.5 3.5v9M10.5 3.5v9",
  resume: "M5 3.2 12.5 8 5 12.8z",
  step: "M4 3.5 10 8l-6 4.5zM12 3.5v9",
  fit: "M2.5 6V2.5H6M10 2.5h3.5V6M13.5 10v3.5H10M6 13.5H2.5V10",
  close: "M4 4l8 8M12 4l-8 8",
  help: "M6 6.2a2 2 0 1 1 2.9 1.8c-.6.3-.9.7-.9 1.4M8 11.6v.1",
};

export function Icon({ name }: { name: keyof typeof ICONS }) {
  return (
    <svg viewBox="0 0 16 16" width="16" height="16" aria-hidden="true">
      <path d={ICONS[name]} />
    </svg>
  );
}

interface ButtonProps {
  readonly icon: keyof typeof ICONS;
  readonly label: string;
  readonly hint?: string;
  readonly pressed?: boolean;
  readonly run: () => void;
}

/** A button that is only an icon; its name is its label. */
export function IconButton({ icon, label, hint, pressed, run }: ButtonProps) {
  const title = hint === undefined ? label : `${label} (${hint})`;
  return (
    <button type="button" class="icon" aria-label={label} title={title} aria-pressed={pressed} onClick={run}>
      <Icon name={icon} />
    </button>
  );
}
