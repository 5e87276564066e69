// Made by `python -m neuralfields.viewer.typescript` from program.py, protocol.py, looks.py.

export const VERSION = 2;
export const MOST_POINTS = 1024;

export type Function = "relu" | "sigmoid" | "exp" | "softplus" | "tanh" | "abs" | "sine" | "cycle" | "sinh" | "gauss" | "sqrt" | "reciprocal" | "log" | "arctan";

/** The coordinates: the first node of every program. */
export interface Input {
  readonly size: number;
  readonly kind: "input";
}

/** `size` values of a node, from `start` on. */
export interface Slice {
  readonly of: number;
  readonly start: number;
  readonly size: number;
  readonly kind: "slice";
}

/** The values of several nodes, one after the other. */
export interface Concat {
  readonly of: readonly number[];
  readonly size: number;
  readonly kind: "concat";
}

/** The sum or the product of nodes of equal size, value by value. */
export interface Combine {
  readonly of: readonly number[];
  readonly how: "sum" | "product";
  readonly size: number;
  readonly kind: "combine";
}

/** `scale * x + offset`. */
export interface Affine {
  readonly of: number;
  readonly scale: number;
  readonly offset: number;
  readonly size: number;
  readonly kind: "affine";
}

/**
 * A function of each value.
 *
 * `gauss` is exp(-x^2), `cycle` sin(2 pi x), exact for any number of turns, `sqrt` that of |x|; the
 * `reciprocal` of 0 is 0.
 */
export interface Apply {
  readonly of: number;
  readonly function: Function;
  readonly size: number;
  readonly kind: "apply";
}

/** `W x + b` for arrays [size, inputs] and [size], then a function of each value or none. */
export interface Linear {
  readonly of: number;
  readonly weight: string;
  readonly bias: string | null;
  readonly function: Function | null;
  readonly size: number;
  readonly kind: "linear";
}

/** As `ops.grid_encode.layout.Level`. */
export interface GridLevel {
  readonly scale: number;
  readonly resolution: number;
  readonly start: number;
  readonly rows: number;
  readonly hashed: boolean;
}

/** `ops.grid_encode` of a table [entries, features]. */
export interface Grid {
  readonly of: number;
  readonly table: string;
  readonly features: number;
  readonly levels: readonly GridLevel[];
  readonly interpolation: "linear" | "smoothstep";
  readonly size: number;
  readonly kind: "grid";
}

/** One plane of `ops.PlaneLayout`: its axes, the vertices along them, and its first row. */
export interface PlaneGrid {
  readonly axes: readonly number[];
  readonly shape: readonly number[];
  readonly start: number;
}

/** `ops.plane_encode` of a table [entries, features]. */
export interface Planes {
  readonly of: number;
  readonly table: string;
  readonly features: number;
  readonly planes: readonly PlaneGrid[];
  readonly interpolation: "linear" | "smoothstep" | "catmull_rom" | "b_spline";
  readonly size: number;
  readonly kind: "planes";
}

/** Real spherical harmonics up to a degree, as `encodings.SphericalHarmonics`: `size` is degree squared. */
export interface Harmonics {
  readonly of: number;
  readonly degree: number;
  readonly size: number;
  readonly kind: "harmonics";
}

/** Positions anywhere into the box: `geometry.contract`, halved. */
export interface Contract {
  readonly of: number;
  readonly size: number;
  readonly kind: "contract";
}

export type Node = Input | Slice | Concat | Combine | Affine | Apply | Linear | Grid | Planes | Harmonics | Contract;

/**
 * An array that a program reads.
 *
 * Tables may be stored in fewer bits; `parts` are the numbers of the rows where one scale ends.
 */
export interface Learned {
  readonly name: string;
  readonly shape: readonly number[];
  readonly table: boolean;
  readonly parts: readonly number[];
}

/**
 * Nodes in the order of computing, the last is the value; `density` is the node with a radiance field's density.
 *
 * Colours of a radiance field are the last node's values 1 to 3, its value 0 is the density again. With an array
 * `occupied`, [cells, cells, cells] over the box, indexed [z, y, x], the density is 0 in cells where it is False.
 */
export interface Program {
  readonly nodes: readonly Node[];
  readonly arrays: readonly Learned[];
  readonly density: number | null;
}

/**
 * Where an array lies in a snapshot's bytes: floats, int8 to be multiplied by its parts' `scales`, or bits.
 *
 * Bits are `occupied` as uint8, eight cells a byte, the lowest bit first, x fastest. Offsets are multiples of 8.
 */
export interface Stored {
  readonly name: string;
  readonly dtype: "int8" | "float16" | "float32" | "uint8";
  readonly shape: readonly number[];
  readonly offset: number;
  readonly scales: readonly number[];
}

export type Kind = "image" | "shape" | "radiance" | "slices";

export type FitState = "running" | "paused" | "stopping" | "done";

export type Action = "pause" | "resume" | "step" | "save" | "stop";

export type Mode = "fit" | "truth" | "split" | "error" | "gradient" | "colour" | "depth" | "normal" | "opacity";

export type MapName = "viridis" | "inferno" | "cividis" | "grey";

export type Backdrop = "studio" | "white" | "black" | "checker";

/**
 * A camera of a signal, in box coordinates: OpenGL's convention, looks along -z, y up.
 *
 * `pose` is camera to box, [3, 4] row by row; focal lengths and centre in pixels; lens distortion is left out.
 */
export interface View {
  readonly name: string;
  readonly pose: readonly number[];
  readonly focal: readonly [number, number];
  readonly centre: readonly [number, number];
  readonly size: readonly [number, number];
  readonly held_out: boolean;
}

/**
 * How `fields.Marched` samples rays.
 *
 * The occupancy grid is the array `occupied` of the snapshots, one bit a cell, x fastest.
 */
export interface March {
  readonly cells: number;
  readonly step: number;
  readonly cone: number;
  readonly near: number;
  readonly stop: number;
  readonly unbounded: boolean;
}

/**
 * How a surface is found: value < `level` is inside if `inside_below`, and `steepness` bounds the slope.
 *
 * `metric`: values are distances in box units, so that rays may step by them.
 */
export interface Shape {
  readonly level: number;
  readonly inside_below: boolean;
  readonly metric: boolean;
  readonly steepness: number;
}

/** From the box to the signal's own units: `matrix` [n, n], row by row, times the coordinates, plus `offset`. */
export interface World {
  readonly matrix: readonly number[];
  readonly offset: readonly number[];
  readonly unit: string;
}

/**
 * Something that can be looked at: a field with its signal, or a field alone.
 *
 * `program` is None where the shader generator does not cover the field; `reason` says why, and the server draws.
 * `size` are an image's pixels, width and height; other signals may have a `world`. `truth`: whether the signal
 * can be asked for.
 */
export interface Shown {
  readonly id: number;
  readonly name: string;
  readonly kind: Kind;
  readonly inputs: number;
  readonly outputs: number;
  readonly channels: readonly string[];
  readonly size: readonly [number, number] | null;
  readonly linear: boolean;
  readonly truth: boolean;
  readonly program: Program | null;
  readonly reason: string | null;
  readonly march: March | null;
  readonly shape: Shape | null;
  readonly world: World | null;
  readonly views: readonly View[];
  readonly parameters: number;
  readonly summary: string;
}

/**
 * A moment of a fit. `psnr` of the last batch; rates in samples per second; `left` in seconds.
 *
 * `stays`: whether it is a part of the course from then on, or gives way to the next. A course that has more than
 * `MOST_POINTS` of those that stay loses every second.
 */
export interface Point {
  readonly step: number;
  readonly seconds: number;
  readonly loss: number;
  readonly psnr: number | null;
  readonly rate: number;
  readonly learning_rate: number;
  readonly left: number | null;
  readonly fraction: number;
  readonly stays: boolean;
}

/** How something that is shown is fitted, or was; `course` is thinned. */
export interface Fit {
  readonly shown: number;
  readonly state: FitState;
  readonly course: readonly Point[];
}

/** The first message, and again when what is shown changes. `live`: whether a fit can be controlled. */
export interface Hello {
  readonly version: number;
  readonly title: string;
  readonly shown: readonly Shown[];
  readonly live: boolean;
  readonly fits: readonly Fit[];
  readonly type: "hello";
}

/** Where a fit is. Replaces the one before of the same. */
export interface Progress {
  readonly shown: number;
  readonly point: Point;
  readonly state: FitState;
  readonly type: "progress";
}

/** A snapshot of a field's arrays, bytes as `arrays` say. Acknowledged by `Ack`. Replaces the one before. */
export interface Weights {
  readonly shown: number;
  readonly serial: number;
  readonly step: number;
  readonly arrays: readonly Stored[];
  readonly type: "weights";
}

/** An image signal's values, as float16 or uint8 samples [height, width, channels], reduced by `factor`. */
export interface Truth {
  readonly shown: number;
  readonly width: number;
  readonly height: number;
  readonly channels: number;
  readonly factor: number;
  readonly dtype: "uint8" | "float16";
  readonly type: "truth";
}

/** A view's photograph as JPEG. */
export interface Photo {
  readonly shown: number;
  readonly view: number;
  readonly width: number;
  readonly height: number;
  readonly type: "photo";
}

/**
 * A picture that the server has drawn, as JPEG, in answer to `Draw`; `factor` times coarser than asked for.
 *
 * `legend`: the amounts at the lower and the upper end of its colour map, if it has one and they are known.
 */
export interface Frame {
  readonly request: number;
  readonly shown: number;
  readonly factor: number;
  readonly last: boolean;
  readonly milliseconds: number;
  readonly legend: readonly [number, number] | null;
  readonly type: "frame";
}

/** The field's value at a place in float32, and the signal's, if it has one there. */
export interface Probed {
  readonly request: number;
  readonly shown: number;
  readonly value: readonly number[];
  readonly truth: readonly number[] | null;
  readonly type: "probed";
}

/** Bytes to be saved by the browser under a name: a mesh, a page. */
export interface File {
  readonly name: string;
  readonly media: string;
  readonly type: "file";
}

/** A line for the user. */
export interface Note {
  readonly level: "info" | "error";
  readonly text: string;
  readonly type: "note";
}

/** A snapshot has arrived, and two frames of the screen have passed since. */
export interface Ack {
  readonly shown: number;
  readonly serial: number;
  readonly type: "ack";
}

/**
 * What is looked at from now on: but for notes and where fits are, nothing else is sent unasked.
 *
 * Until the first one no weights are sent, and a `Draw` is answered. `weights`: ids of what the page draws itself.
 * `pictures`: whether it shows those that the server draws; if not, a `Draw` before it stands no longer, and one
 * after it waits until it does.
 */
export interface Watch {
  readonly weights: readonly number[];
  readonly pictures: boolean;
  readonly type: "watch";
}

/** Wants the truth of an image (`view` None) or the photo of a view. */
export interface Ask {
  readonly shown: number;
  readonly view: number | null;
  readonly type: "ask";
}

/**
 * How values become colours in a picture that the server draws.
 *
 * `channel`: one as grey, or None for all as colours. `exposure`: stops by which values are brightened. `map`:
 * of errors, slopes and depths. `scale`: the amount at the upper end of the map, found from the picture if None.
 */
export interface Look {
  readonly channel: number | null;
  readonly exposure: number;
  readonly map: MapName;
  readonly scale: number | null;
  readonly backdrop: Backdrop;
}

/**
 * Wants a picture drawn by the server, coarse first. Replaces the one before.
 *
 * It stands until a `Watch` ends it: while the field is fitted, it is drawn again with the same `request`.
 *
 * `window` of the plane: left, top, right, bottom. `pose` [3, 4] and `focal` (of the height, in heights) of a
 * camera, as in `View`. `axis` and `at`: the plane of `slices`, the axis across it and its place there.
 */
export interface Draw {
  readonly request: number;
  readonly shown: number;
  readonly width: number;
  readonly height: number;
  readonly mode: Mode;
  readonly window: readonly number[] | null;
  readonly pose: readonly number[] | null;
  readonly focal: number | null;
  readonly axis: number;
  readonly at: number;
  readonly look: Look;
  readonly type: "draw";
}

/** Wants the value at a place. */
export interface Probe {
  readonly request: number;
  readonly shown: number;
  readonly x: readonly number[];
  readonly type: "probe";
}

/** Wants the fit to do something. */
export interface Control {
  readonly action: Action;
  readonly type: "control";
}

/** Wants a file: the surface as a mesh of `resolution` cells, or the page with the fields in it. */
export interface Export {
  readonly shown: number;
  readonly what: "mesh" | "page";
  readonly resolution: number;
  readonly type: "export";
}

export type FromServer = Hello | Progress | Weights | Truth | Photo | Frame | Probed | File | Note;

export type FromPage = Ack | Watch | Ask | Draw | Probe | Control | Export;

/** Colours at even steps. */
export const COLOUR_MAPS: Record<MapName, string> = {
  viridis: "440154 48186a 472d7b 424086 3b528b 33638d 2c728e 26828e 21918c 1fa088 28ae80 3fbc73 5ec962 84d44b addc30 d8e219 fde725",
  inferno: "000004 160b39 420a68 6a176e 932667 bc3754 dd513a f37819 fca50a f6d746 fcffa4",
  cividis: "00224e 123570 3b496c 575d6d 707173 8a8678 a59c74 c3b369 e1cc55 fee838",
  grey: "000000 ffffff",
};
