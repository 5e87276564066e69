import { useSignal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import { type Axis, columns } from "../course";
import { duration, short, significant } from "../format";
import type { Point } from "../protocol";
import { clockTicks, line, nearest, rangeOf, ticks } from "../scale";

const HEIGHT = 150;
const [LEFT, RIGHT, TOP, BOTTOM] = [38, 28, 8, 20];

/** PSNR and loss of a fit over time or steps, the loss on a logarithmic scale; under the pointer their numbers. */
export function Plot({ course, axis }: { course: readonly Point[]; axis: Axis }) {
  const place = useRef<HTMLDivElement>(null);
  const width = useSignal(276);
  const at = useSignal<number | null>(null);
  useEffect(() => {
    const element = place.current;
    if (element === null) return;
    const watched = new ResizeObserver(() => (width.value = element.clientWidth));
    watched.observe(element);
    return () => watched.disconnect();
  }, []);

  const [xs, losses, psnrs] = columns(course, axis);
  const logs = losses.map((loss) => (loss === null ? null : Math.log10(loss)));
  const across = rangeOf(xs) ?? { low: 0, high: 1 };
  const x = scaled(across.low, across.high, LEFT, width.value - RIGHT);
  const chosen = at.value === null ? xs.length - 1 : nearest(xs, x.back(at.value));
  const told = axis === "step" ? short : duration;
  const last = course[chosen];
  return (
    <div ref={place} class="plot">
      <svg
        width={width.value}
        height={HEIGHT}
        role="img"
        aria-label="Course of the fit: the loss on a logarithmic scale, and the PSNR"
        onPointerMove={(event) => (at.value = event.offsetX)}
        onPointerLeave={() => (at.value = null)}
      >
        {(axis === "step" ? ticks : clockTicks)(across, 4).map((tick) => (
          <text key={tick} x={x(tick)} y={HEIGHT - 4} text-anchor="middle">
            {told(tick)}
          </text>
        ))}
        <Curve name="loss" xs={xs} ys={logs} x={x} chosen={chosen} labels={{ at: LEFT - 6, anchor: "end", grid: true }} width={width.value} />
        <Curve name="psnr" xs={xs} ys={psnrs} x={x} chosen={chosen} labels={{ at: width.value - RIGHT + 6, anchor: "start", grid: false }} width={width.value} />
        {at.value !== null && <path class="rule" d={`M${x(xs[chosen] ?? 0)} ${TOP}V${HEIGHT - BOTTOM}`} />}
      </svg>
      {last !== undefined && (
        <p class="key">
          <span>{axis === "step" ? last.step.toLocaleString("en") : duration(last.seconds)}</span>
          <span class="loss">loss {significant(last.loss)}</span>
          {last.psnr !== null && <span class="psnr">{last.psnr.toFixed(2)} dB</span>}
        </p>
      )}
    </div>
  );
}

type Scale = ((value: number) => number) & { readonly back: (place: number) => number };

function scaled(low: number, high: number, from: number, to: number): Scale {
  const slope = (to - from) / (high - low);
  return Object.assign((value: number) => from + (value - low) * slope, {
    back: (place: number) => low + (place - from) / slope,
  });
}

interface CurveProps {
  readonly name: "loss" | "psnr";
  readonly xs: readonly number[];
  readonly ys: readonly (number | null)[];
  readonly x: Scale;
  readonly chosen: number;
  readonly labels: { readonly at: number; readonly anchor: "start" | "end"; readonly grid: boolean };
  readonly width: number;
}

/** A line with the labels of its own scale. */
function Curve({ name, xs, ys, x, chosen, labels, width }: CurveProps) {
  const range = rangeOf(ys);
  if (range === null) return null;
  const y = scaled(range.low, range.high, HEIGHT - BOTTOM, TOP);
  const all = ticks(range, 3).filter((tick) => name === "psnr" || Number.isInteger(tick));
  const value = ys[chosen] ?? null;
  return (
    <g class={name}>
      {all.map((tick) => (
        <g key={tick}>
          {labels.grid && <path class="grid" d={`M${LEFT} ${y(tick)}H${width - RIGHT}`} />}
          <text x={labels.at} y={y(tick) + 4} text-anchor={labels.anchor}>
            {name === "psnr" ? +tick.toFixed(3) : <Power of={tick} />}
          </text>
        </g>
      ))}
      <path class="curve" d={line(xs, ys, x, y)} />
      {value !== null && <circle cx={x(xs[chosen] ?? 0)} cy={y(value)} r={2.5} />}
    </g>
  );
}

function Power({ of }: { of: number }) {
  return (
    <>
      10
      <tspan dy={-4} font-size="8">
        {String(of).replace("-", "−")}
      </tspan>
    </>
  );
}
