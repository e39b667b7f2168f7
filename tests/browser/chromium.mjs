// Finds a Chromium: the browser that the variable CHROMIUM names, or that of the npm package.

import { execFileSync } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdtemp, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

import { chromium } from "playwright-core";

const MODULES = fileURLToPath(new URL("node_modules/", import.meta.url));
const UNPACKED = join(MODULES, ".chromium");

// The fonts of the machine, and those of the package: without any font, Chromium crashes.
const FONTS = `<?xml version="1.0"?>
<!DOCTYPE fontconfig SYSTEM "fonts.dtd">
<fontconfig>
  <include ignore_missing="yes">/etc/fonts/fonts.conf</include>
  <dir>/usr/share/fonts</dir>
  <dir prefix="relative">fonts</dir>
</fontconfig>
`;

const ARGUMENTS = [
  "--disable-gpu",
  "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1", // nothing leaves this machine
  "--no-zygote",
];

/**
 * Start a browser.
 *
 * @throws Error The browser does not start on this machine. The message says what to do.
 */
export async function launch() {
  const path = process.env.CHROMIUM || (await unpack());
  const files = process.env.CHROMIUM ? {} : findFiles(path);
  try {
    return await chromium.launch({
      executablePath: path,
      args: ARGUMENTS,
      chromiumSandbox: false, // it needs rights that containers do not give
      env: { ...process.env, ...files },
    });
  } catch (error) {
    throw new Error(`Chromium does not start on this machine: ${path}\n${remedy(error)}`, { cause: error });
  }
}

/** Unpack the Chromium of the package, once. Return the path of the program. */
async function unpack() {
  const program = join(UNPACKED, "chromium");
  if (existsSync(program)) return program;
  const { default: packaged, inflate } = await import("@sparticuz/chromium");
  const folder = await mkdtemp(join(MODULES, ".unpacking-"));
  const { TMPDIR } = process.env;
  process.env.TMPDIR = folder; // where the package unpacks
  try {
    packaged.setGraphicsMode = false;
    await packaged.executablePath();
    await inflate(join(MODULES, "@sparticuz/chromium/bin/al2023.tar.br"));
    await writeFile(join(folder, "fonts.conf"), FONTS);
    await rename(folder, UNPACKED); // at once, so that no half of a program is ever found
  } catch (error) {
    await rm(folder, { recursive: true });
    if (!existsSync(program)) throw error; // otherwise another process was faster
  } finally {
    if (TMPDIR === undefined) delete process.env.TMPDIR;
    else process.env.TMPDIR = TMPDIR;
  }
  return program;
}

/** Return the variables that name fonts, and libraries if the machine lacks some, such as libnss3.so. */
function findFiles(program) {
  const variables = { FONTCONFIG_FILE: join(UNPACKED, "fonts.conf") };
  try {
    const output = execFileSync("ldd", [program], { encoding: "utf8", stdio: "pipe" });
    if (!output.includes("not found")) return variables;
  } catch {
    return variables; // another kind of machine: the start of the browser tells what is wrong
  }
  return { ...variables, LD_LIBRARY_PATH: join(UNPACKED, "al2023", "lib") };
}

function remedy(error) {
  const missing = /loading shared libraries: ([^:\s]+)/.exec(error.message)?.[1];
  const own = "Or set CHROMIUM to the path of a Chromium or Chrome that starts here.";
  if (missing) return `The shared library ${missing} is missing: install the package that has it. ${own}`;
  return `${own}\n${error.message}`;
}
