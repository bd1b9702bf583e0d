// The page of `kas-alias diff --format html`, in Debian's Chromium.
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { type Browser, chromium, type Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { TableRow } from "../../src/table/alias-table.ts";
import { kasAlias } from "../commands/program.ts";
import { row, table } from "../table/tables.ts";
import { temporaryDirectory } from "../temporary-directory.ts";

const COUNT = 20_000;
const EVIL = [
  "<img src=x onerror=hit=1>",
  "</script><script>hit=1</script>",
  "<!--<script>",
  "]]>&amp;'\"`",
  "\u2028\u2029",
];

/** The names that would do harm are of symbols that are listed. */
const evil = (i: number) => (i % 3 === 0 ? (EVIL[i / 3] ?? "") : "");

/** Every third symbol moved, every seventh is gone, every fifth is another's; the rest stay or change their positions. */
function rowsOf(version: 0 | 1): TableRow[] {
  const rows = Array.from({ length: COUNT }, (_, i): TableRow[] => {
    if (version === 1 && i % 7 === 0) return [];
    const file = `drivers/d${i % 100}/file_${i % 500}.c`;
    const line = 10 * i + (version === 1 && i % 3 === 0 ? 4 : 0);
    const sympos = version === 1 && i % 11 === 0 ? 2 : 1;
    const [name, object] = [`${evil(i)}symbol_${i}`, i % 2 === 0 ? "vmlinux" : `module_${i % 9}`];
    return [row({ name, object, file, line, sympos })];
  });
  const own = Array.from({ length: version * 5 }, (_, i) =>
    row({ name: `own_${i}`, file: "own.c", sympos: 1 }),
  );
  return [...rows.flat(), ...own];
}

const directory = temporaryDirectory();
const path = (name: string) => join(directory, name);
const moved = Array.from({ length: COUNT }, (_, i) => i).filter((i) => i % 7 !== 0 && i % 3 === 0);
const gone = Array.from({ length: COUNT }, (_, i) => i).filter((i) => i % 7 === 0);
const onlySympos = Array.from({ length: COUNT }, (_, i) => i).filter(
  (i) => i % 7 !== 0 && i % 3 !== 0 && i % 11 === 0,
);
const LISTED = moved.length + gone.length + onlySympos.length + 5;

let browser: Browser;
let page: Page;
const requests: string[] = [];
const errors: string[] = [];

beforeAll(async () => {
  for (const version of [0, 1] as const) {
    const { header, rows } = table(rowsOf(version), { kernel: `6.${version}<b>` });
    const text = [header, ...rows].map((line) => `${JSON.stringify(line)}\n`).join("");
    writeFileSync(path(`${version}`), text);
  }
  const made = kasAlias(["diff", path("0"), path("1"), "--format", "html", "-o", path("diff.html")]);
  expect(made).toEqual({ status: 1, stdout: "", stderr: "" });
  browser = await chromium.launch({ executablePath: "/usr/bin/chromium", args: ["--no-sandbox"] });
  page = await open("light");
});

afterAll(() => browser.close());

async function open(colorScheme: "light" | "dark"): Promise<Page> {
  const opened = await browser.newPage({ viewport: { width: 1300, height: 800 }, colorScheme });
  opened.on("request", (request) => requests.push(request.url()));
  opened.on("pageerror", (error) => errors.push(error.message));
  opened.on("console", (message) => errors.push(message.text()));
  opened.on("dialog", (dialog) => errors.push(dialog.message()));
  await opened.goto(pathToFileURL(path("diff.html")).href);
  return opened;
}

/** The texts of the rows that are drawn, from the first in sight. */
const drawn = () => page.locator("#rows tr").allInnerTexts();
const names = () => page.locator("#rows tr td:nth-child(3)").allTextContents();
const shown = () => page.locator("#shown").innerText();
const number = (count: number) => count.toLocaleString("en");

describe("the page", () => {
  test("requests nothing but itself, runs no code from names, and has no errors", async () => {
    expect(requests).toEqual([pathToFileURL(path("diff.html")).href]);
    expect(await page.evaluate("typeof hit")).toBe("undefined");
    expect(await page.locator("img, b b, td script").count()).toBe(0);
    expect(await page.title()).toBe("6.0<b> → 6.1<b>");
    expect(errors).toEqual([]);
  });

  test("draws the counts", async () => {
    const buttons = await page.locator("#groups button").allInnerTexts();
    expect(buttons.map((text) => text.replace(/\s+/g, " "))).toEqual([
      `${number(COUNT - moved.length - gone.length - onlySympos.length)} unchanged`,
      `${number(moved.length)} moved`,
      "0 relocated",
      `${number(onlySympos.length)} only sympos changed`,
      "5 added",
      `${number(gone.length)} removed`,
    ]);
    const widths = await page
      .locator("#bar span")
      .evaluateAll((parts) => parts.map((part) => part.getBoundingClientRect().width));
    expect(widths).toHaveLength(5);
    const [, widthOfMoved = 0] = widths;
    const sum = widths.reduce((total, width) => total + width);
    expect(widthOfMoved / sum).toBeCloseTo(moved.length / (COUNT + 5), 1);
  });

  test("lists all changes, and draws only visible rows", async () => {
    expect(await shown()).toBe(`${number(LISTED)} listed`);
    expect(await page.locator("#grid").getAttribute("aria-rowcount")).toBe(String(LISTED + 1));
    const rows = await drawn();
    expect(rows.length).toBeGreaterThan(10);
    expect(rows.length).toBeLessThan(100);
  });
});

describe("searching", () => {
  test.each(EVIL.map((text, i) => [text, 3 * i] as const))("finds %j literally", async (text, i) => {
    await page.locator("#search").fill(`symbol_${i}@drivers`);
    expect(await names()).toEqual([`${text}symbol_${i}`]);
    await page.locator("#search").fill(`symbol_${i}@drivers ${text}`);
    expect(await names()).toEqual([`${text}symbol_${i}`]);
  });

  test("searches names, aliases and paths for all words", async () => {
    await page.locator("#search").fill("symbol_4200");
    expect(await names()).toEqual(["symbol_4200"]);
    await page.locator("#search").fill("SYMBOL_303@drivers");
    expect(await names()).toEqual(["symbol_303"]);
    await page.locator("#search").fill("d7/file_107.c:");
    const expected = [...moved, ...gone, ...onlySympos].filter((i) => i % 500 === 107);
    expect(await shown()).toBe(`${number(expected.length)} of ${number(LISTED)}`);
    await page.locator("#search").fill("d7/ symbol_42007");
    expect(await shown()).toBe(`0 of ${number(LISTED)}`);
    expect(await page.locator("#none").isVisible()).toBe(true);
    await page.locator("#search").fill("");
    expect(await shown()).toBe(`${number(LISTED)} listed`);
  });

  test("can be narrowed by group, object, reason and changed position", async () => {
    const button = page.locator("#groups button", { hasText: "removed" });
    await button.click();
    expect(await button.getAttribute("aria-pressed")).toBe("false");
    expect(await shown()).toBe(`${number(LISTED - gone.length)} of ${number(LISTED)}`);
    await button.click();
    await page.locator("#object").selectOption("module_3");
    const inModule = [...moved, ...gone, ...onlySympos].filter((i) => i % 2 === 1 && i % 9 === 3);
    expect(await shown()).toBe(`${number(inModule.length)} of ${number(LISTED)}`);
    await page.locator("#object").selectOption("");
    await page.locator("#reason").selectOption({ label: "new, or became duplicated (5)" });
    expect(await names()).toEqual(["own_0", "own_1", "own_2", "own_3", "own_4"]);
    await page.locator("#reason").selectOption("");
    await page.locator("#sympos").check();
    const positions = moved.filter((i) => i % 11 === 0).length + onlySympos.length;
    expect(await shown()).toBe(`${number(positions)} of ${number(LISTED)}`);
    await page.locator("#sympos").uncheck();
    expect(await page.locator("#groups button", { hasText: "unchanged" }).isDisabled()).toBe(true);
  });
});

test("a click on a column header sorts by it; another click reverses the order", async () => {
  const head = page.locator("th", { hasText: "Old location" });
  await head.locator("button").click();
  expect(await head.getAttribute("aria-sort")).toBe("ascending");
  const files = [...moved, ...gone, ...onlySympos].map((i) => ({
    i,
    file: `drivers/d${i % 100}/file_${i % 500}.c`,
  }));
  files.sort((a, b) => (a.file < b.file ? -1 : a.file > b.file ? 1 : a.i - b.i));
  const expected = files.map(({ i }) => `symbol_${i}`);
  expect((await names())[0]).toContain(expected[0]);
  expect((await names()).slice(1, 10)).toEqual(expected.slice(1, 10));
  await page.locator("th", { hasText: "Name" }).locator("button").click();
  expect(await head.getAttribute("aria-sort")).toBe("none");
  await page.locator("th", { hasText: "Name" }).locator("button").click();
  const last = [...moved, ...gone, ...onlySympos].map((i) => `${evil(i)}symbol_${i}`).sort();
  expect((await names())[0]).toBe(last.at(-1));
});

test("the keyboard can do everything", async () => {
  page = await open("light");
  await page.keyboard.press("/");
  await page.keyboard.type("symbol_12 drivers");
  await page.keyboard.press("ArrowDown");
  const selected = page.locator('#rows [aria-selected="true"]');
  expect(await page.evaluate("document.activeElement.id")).toBe("grid");
  expect(await selected.getAttribute("id")).toBe(
    await page.locator("#grid").getAttribute("aria-activedescendant"),
  );
  const listed = [...moved, ...gone, ...onlySympos].filter((i) => String(i).startsWith("12")).length;
  await page.keyboard.press("End");
  expect(await selected.getAttribute("aria-rowindex")).toBe(String(listed + 1));
  await page.keyboard.press("PageUp");
  await page.keyboard.press("ArrowUp");
  const index = Number(await selected.getAttribute("aria-rowindex"));
  expect(index).toBeLessThan(listed - 5);
  const box = await selected.boundingBox();
  const around = await page.locator("#scroller").boundingBox();
  expect(box?.y).toBeGreaterThanOrEqual((around?.y ?? 0) + 30);
  expect((box?.y ?? 0) + (box?.height ?? 0)).toBeLessThanOrEqual((around?.y ?? 0) + (around?.height ?? 0));
  await page.keyboard.press("Home");
  await page.keyboard.press("ArrowDown");
  expect(await selected.getAttribute("aria-rowindex")).toBe("3");

  // From the table back through its heads: Tab, Enter.
  await page.locator("#search").focus();
  await page.locator("#search").fill("symbol_12000");
  await page.keyboard.press("ArrowDown");
  expect(await page.locator("#detail h2").innerText()).toContain("symbol_12000 moved in vmlinux");
  const sides = await page.locator("#detail .sides > div").allInnerTexts();
  expect(sides.map((side) => /line\s+(\d+)/.exec(side)?.[1])).toEqual(["120000", "120004"]);
  const boxes = await Promise.all(
    [0, 1].map((i) => page.locator("#detail .sides > div").nth(i).boundingBox()),
  );
  expect(boxes[0]?.y).toBe(boxes[1]?.y);
  expect(boxes[0]?.x).toBeLessThan(boxes[1]?.x ?? 0);
  await page.keyboard.press("Escape");
  expect(await page.locator("#detail").isVisible()).toBe(false);
  await page.keyboard.press("Tab");
  await page.keyboard.press("Enter");
  expect(await page.locator("th").first().getAttribute("aria-sort")).toBe("ascending");
});

/** In the page: the colours of an element's text and of its background. */
const COLORS = `(selector) => {
  const element = document.querySelector(selector);
  const background = (at) => getComputedStyle(at).backgroundColor;
  let behind = element;
  while (behind.parentElement && /, 0\\)$|transparent/.test(background(behind))) behind = behind.parentElement;
  return [getComputedStyle(element).color, background(behind)];
}`;

/** Relative luminance of an rgb() colour (Web Content Accessibility Guidelines 2.1). */
function luminance(color: string): number {
  const [r = 0, g = 0, b = 0] = (color.match(/[\d.]+/g) ?? []).map((value) => {
    const part = Number(value) / 255;
    return part <= 0.03928 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
}

test.each(["light", "dark"] as const)("texts are readable with a %s colour scheme", async (scheme) => {
  const own = await open(scheme);
  await own.locator("#rows tr").first().click();
  const selectors = [
    "h1",
    "#facts",
    "#groups button",
    "#shown",
    "th button",
    "td.group",
    "td .path",
    "td .differs",
    "dd",
  ];
  for (const selector of selectors) {
    const colors: string[] = await own.evaluate(`(${COLORS})("${selector}")`);
    const [bright = 0, dim = 0] = colors.map(luminance).sort((a, b) => b - a);
    const contrast = (bright + 0.05) / (dim + 0.05);
    // Guideline 1.4.3.
    expect({
      selector,
      readable: contrast >= 4.5 || (contrast >= 3 && /group|differs/.test(selector)),
    }).toEqual({
      selector,
      readable: true,
    });
  }
  const background = await own.evaluate("getComputedStyle(document.body).backgroundColor");
  expect(background).toBe(scheme === "light" ? "rgb(251, 251, 250)" : "rgb(21, 23, 26)");
});

test("no errors occurred", () => {
  expect(errors).toEqual([]);
  expect(new Set(requests).size).toBe(1);
});
