// npm @vladmandic/human, on its WASM backend, on each frame of a video or picture.
//
//   node human.mjs SOURCE WIDTH HEIGHT PACKAGES        one JSON line a frame on stdout
//
// PACKAGES is the folder where npm installed it. ffmpeg decodes, in a process beside us, as emotiond has it.
import { spawn } from "node:child_process";
import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import path from "node:path";

const [source, width, height, packages] = [process.argv[2], +process.argv[3], +process.argv[4], process.argv[5]];
const modules = path.resolve(packages, "node_modules");
const human_folder = path.join(modules, "@vladmandic/human");

// It only fetches models over HTTP; Node's fetch reads no files.
globalThis.fetch = async (address) => new Response(await readFile(new URL(address).pathname));

const require = createRequire(path.join(modules, "x"));
require("@tensorflow/tfjs-backend-wasm");
// The package exports this file under a name that Node does not accept: required by its path.
const { Human } = require(path.join(human_folder, "dist/human.node-wasm.js"));

const off = { enabled: false };
const human = new Human({
    backend: "wasm",
    wasmPath: path.join(modules, "@tensorflow/tfjs-backend-wasm/dist/"),
    modelBasePath: `file://${human_folder}/models/`,
    warmup: "none",
    cacheSensitivity: 0, // each frame is analysed, none is taken for the one before
    filter: off,
    gesture: off,
    body: off,
    hand: off,
    object: off,
    face: {
        detector: { rotation: false, maxDetected: 64 },
        mesh: off,
        iris: off,
        description: off,
    },
});

await human.load();

async function* frames() {
    const options = ["-v", "error", "-nostdin", "-i", source, "-f", "rawvideo", "-pix_fmt", "rgb24", "-"];
    const ffmpeg = spawn("ffmpeg", options, { stdio: ["ignore", "pipe", "inherit"] });
    const frame = new Uint8Array(width * height * 3);
    let filled = 0;
    for await (let chunk of ffmpeg.stdout) {
        while (chunk.length > 0) {
            const part = chunk.subarray(0, frame.length - filled);
            frame.set(part, filled);
            filled += part.length;
            chunk = chunk.subarray(part.length);
            if (filled === frame.length) {
                filled = 0;
                yield frame;
            }
        }
    }
}

let number = 0;
for await (const frame of frames()) {
    const tensor = human.tf.tensor3d(frame, [height, width, 3], "int32");
    const result = await human.detect(tensor);
    human.tf.dispose(tensor);
    const faces = result.face.map((face) => ({ box: face.box, emotions: face.emotion }));
    console.log(JSON.stringify({ frame: number++, faces }));
}
