// Runs npm's @vladmandic/human with its WASM backend on each frame of a video or picture.
//
//   node human.mjs SOURCE WIDTH HEIGHT PACKAGES [cache]        one JSON line per frame on stdout
//
// PACKAGES is the folder in which npm has installed it. With `cache` it uses results again while the picture changes
// little, as it does by default; otherwise it analyses each frame. ffmpeg decodes in a separate process, as with emotiond.
import { spawn } from "node:child_process";
import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import path from "node:path";

const [source, width, height, packages] = [process.argv[2], +process.argv[3], +process.argv[4], process.argv[5]];
const is_cached = process.argv[6] === "cache";
const modules = path.resolve(packages, "node_modules");
const human_folder = path.join(modules, "@vladmandic/human");

// The package loads models with fetch, but Node's fetch does not read files.
globalThis.fetch = async (address) => new Response(await readFile(new URL(address).pathname));

const require = createRequire(path.join(modules, "x"));
require("@tensorflow/tfjs-backend-wasm");
// Node does not accept the name under which the package exports this file, so it is required by path.
const { Human } = require(path.join(human_folder, "dist/human.node-wasm.js"));

const off = { enabled: false };
const human = new Human({
    backend: "wasm",
    wasmPath: path.join(modules, "@tensorflow/tfjs-backend-wasm/dist/"),
    modelBasePath: `file://${human_folder}/models/`,
    warmup: "none",
    ...(is_cached ? {} : { cacheSensitivity: 0 }),
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
