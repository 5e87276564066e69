import { useEffect, useRef } from "preact/hooks";
import { reset, savePicture } from "../actions";
import { mount } from "../canvas";
import { handle } from "../keys";
import { hello, help, last, live, one, panel, state } from "../store";
import { About, Files } from "./about";
import { Cameras, Path } from "./cameras";
import { Help } from "./help";
import { Inspector } from "./inspector";
import { Legend, Look, Modes, Subjects } from "./look";
import { IconButton } from "./parts";
import { Photo } from "./photo";
import { Slow } from "./slow";
import { Connection, Notes, Status } from "./status";
import { Training } from "./training";

export function App() {
  useEffect(() => {
    window.addEventListener("keydown", handle);
    return () => window.removeEventListener("keydown", handle);
  }, []);
  return (
    <>
      <Toolbar />
      <main class="stage">
        <Canvas />
        <Photo />
        <Legend />
        <Status />
        <Connection />
        <Slow />
        <Notes />
      </main>
      {panel.value && <Panel />}
      <Help />
    </>
  );
}

function Toolbar() {
  const name = one.value?.name ?? hello.value?.title ?? "neuralfields";
  useEffect(() => {
    document.title = `${name} – neuralfields`;
  }, [name]);
  return (
    <header class="toolbar">
      <h1 title={name}>{name}</h1>
      <Ticker />
      <Modes />
      <div class="icons">
        <IconButton icon="fit" label="Show all of it" hint="0" run={reset} />
        <IconButton icon="save" label="Save the picture" hint="s" run={() => void savePicture()} />
        <IconButton icon="help" label="Keys" hint="?" run={() => (help.value = true)} />
        <IconButton
          icon="panel"
          label="Side panel"
          hint="p"
          pressed={panel.value}
          run={() => (panel.value = !panel.value)}
        />
      </div>
    </header>
  );
}

/** The fit in a few figures, where the side panel is closed as well. */
function Ticker() {
  const point = last.value;
  if (point === null || !live.value) return null;
  const quality = point.psnr === null ? "" : ` · ${point.psnr.toFixed(1)} dB`;
  return (
    <span class={`ticker ${state.value}`}>
      {point.step.toLocaleString("en")}
      {quality}
    </span>
  );
}

function Canvas() {
  const place = useRef<HTMLDivElement>(null);
  useEffect(() => (place.current === null ? undefined : mount(place.current)), []);
  return <div ref={place} class="canvas" />;
}

function Panel() {
  return (
    <aside class="panel" aria-label="Details">
      <Subjects />
      {live.value && <Training />}
      <Look />
      <Inspector />
      {!live.value && <Training />}
      <Cameras />
      <Path />
      <Files />
      <About />
    </aside>
  );
}
