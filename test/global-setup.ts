// Builds dist/kas-alias.mjs once, for the tests that run the program as its users do.
import { execFileSync } from "node:child_process";
import { fileURLToPath } from "node:url";

export default function buildBundle(): void {
  const root = fileURLToPath(new URL("..", import.meta.url));
  execFileSync(process.execPath, ["scripts/build.mjs"], { cwd: root, stdio: "inherit" });
}
