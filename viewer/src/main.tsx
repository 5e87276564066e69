import { render } from "preact";
import { start } from "./page";
import "./style.css";
import { App } from "./ui/app";

const root = document.getElementById("app");
if (root !== null) render(<App />, root);
start();
