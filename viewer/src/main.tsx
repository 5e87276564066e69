import { render } from "preact";

render(<main>neuralfields</main>, document.getElementById("app")!);
