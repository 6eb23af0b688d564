/** Any static web server will do for the page; this is a small one for the tests. */

import { readFile } from "node:fs/promises";
import { createServer } from "node:http";
import { extname, join, normalize } from "node:path";

const TYPES = {
  ".css": "text/css", ".html": "text/html; charset=utf-8", ".js": "text/javascript", ".json": "application/json", ".mjs": "text/javascript",
  ".svg": "image/svg+xml", ".wasm": "application/wasm",
};

/** @returns {Promise<{address: string, requests: string[], close: () => void}>} Where a folder is served, and what was asked for so far. */
export async function serve(folder) {
  const requests = [];
  const server = createServer(async (request, response) => {
    const path = new URL(request.url, "http://localhost").pathname;
    requests.push(`${request.method} ${path}`);
    try {
      const name = normalize(path.endsWith("/") ? `${path}index.html` : path);
      const body = await readFile(join(folder, name));
      response.writeHead(200, { "content-type": TYPES[extname(name)] ?? "application/octet-stream" }).end(body);
    } catch {
      response.writeHead(404).end();
    }
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  return { address: `http://127.0.0.1:${server.address().port}/`, requests, close: () => server.close() };
}
