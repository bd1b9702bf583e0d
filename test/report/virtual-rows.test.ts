// The rows of the page of `kas-alias diff --format html`, without the page, in Debian's Chromium.
import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import { type Browser, chromium, type Page } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";

const SOURCE = fileURLToPath(new URL("../../src/report/diff-page/virtual-rows.ts", import.meta.url));
const ROW_HEIGHT = 30;
const HEAD_HEIGHT = 36;
const VIEW_HEIGHT = 310;
const PAGE = `<!doctype html><style>
  body { margin: 0 }
  #scroller { height: ${HEAD_HEIGHT + VIEW_HEIGHT}px; overflow: auto }
  #head { position: sticky; top: 0; height: ${HEAD_HEIGHT}px; z-index: 1 }
  #rows { position: relative }
  #rows div { position: absolute; top: 0; height: ${ROW_HEIGHT}px }
</style><div id="scroller"><div id="head"></div><div id="rows"></div></div>`;

/** In the page: the rows drawn, with their tops in the view below the head. */
const DRAWN = `[...document.querySelectorAll("#rows div")].map((row) =>
  ({ index: Number(row.textContent), top: row.getBoundingClientRect().top - ${HEAD_HEIGHT} }))`;

let browser: Browser;
let page: Page;

beforeAll(async () => {
  const { outputFiles } = await build({
    entryPoints: [SOURCE],
    bundle: true,
    write: false,
    format: "iife",
    globalName: "module",
  });
  browser = await chromium.launch({ executablePath: "/usr/bin/chromium", args: ["--no-sandbox"] });
  page = await browser.newPage();
  await page.setContent(PAGE);
  await page.addScriptTag({ content: outputFiles[0]?.text ?? "" });
  await page.addScriptTag({
    content: `var scroller = document.getElementById("scroller");
      var list = module.virtualRows(scroller, document.getElementById("rows"), (index) => {
        const row = document.createElement("div");
        row.textContent = index;
        return row;
      });`,
  });
});

afterAll(() => browser.close());

/** Does something in the page, waits for its scroll events, and returns the rows in the view. */
async function after(script: string): Promise<{ index: number; top: number }[]> {
  await page.evaluate(`${script};
    new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))`);
  const drawn: { index: number; top: number }[] = await page.evaluate(DRAWN);
  for (const [i, { index, top }] of drawn.entries()) {
    const [first = { index: 0, top: 0 }] = drawn;
    expect(index).toBe(first.index + i);
    expect(top).toBeCloseTo(first.top + i * ROW_HEIGHT, 1);
  }
  return drawn.filter(({ top }) => top > -ROW_HEIGHT && top < VIEW_HEIGHT);
}

// 60 million pixels, of which no browser lays out so many, and some that all browsers do.
test.each([0, 3, 1000, 2_000_000])("all of %d rows can be scrolled to", async (count) => {
  const top = await after(`list.show(${count})`);
  expect(top[0]).toEqual(count > 0 ? { index: 0, top: 0 } : undefined);
  expect(top).toHaveLength(Math.min(count, Math.ceil(VIEW_HEIGHT / ROW_HEIGHT)));
  const bottom = await after("scroller.scrollTop = 1e9");
  expect(bottom.at(-1)?.index).toBe(count > 0 ? count - 1 : undefined);
  if (count > 100) expect((bottom.at(-1)?.top ?? 0) + ROW_HEIGHT).toBeCloseTo(VIEW_HEIGHT, 0);
});

test.each([1000, 2_000_000])("any of %d rows can be revealed, with its neighbours", async (count) => {
  await after(`list.show(${count})`);
  const middle = Math.floor(count / 2);
  // From the middle as the keyboard goes on, then far away, then back.
  const wanted = [
    middle,
    middle + 1,
    middle + 2,
    middle + 10,
    middle + 11,
    middle - 1,
    count - 1,
    count - 20,
  ];
  for (const index of [...wanted, 0, 1, count - 1, 7]) {
    const seen = (await after(`list.reveal(${index})`)).find((row) => row.index === index);
    // A pixel of scrolling is four pixels of rows here.
    expect(seen?.top).toBeGreaterThanOrEqual(-2.1);
    expect(seen?.top).toBeLessThanOrEqual(VIEW_HEIGHT - ROW_HEIGHT + 2.1);
  }
});

test("a view that grows shows more rows", async () => {
  await after("list.show(1000)");
  const rows = await after(`scroller.style.height = "${HEAD_HEIGHT + 2 * VIEW_HEIGHT}px"`);
  const drawn: { index: number }[] = await page.evaluate(DRAWN);
  expect(rows[0]?.index).toBe(0);
  expect(drawn.at(-1)?.index).toBeGreaterThanOrEqual(Math.ceil((2 * VIEW_HEIGHT) / ROW_HEIGHT));
});
