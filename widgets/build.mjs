// esbuild with one addition that its command line lacks: the style sheets, which travel as text, are minified as well.
//
//     node build.mjs [--outfile=FILE] [--banner:js=TEXT] [--metafile=FILE]

import { build, transform } from "esbuild";
import { readFile, writeFile } from "node:fs/promises";

const option = (name, otherwise) => process.argv.find(given => given.startsWith(`--${name}=`))?.slice(name.length + 3) ?? otherwise;

const styles = {
  name: "styles",
  setup(part) {
    part.onLoad({ filter: /\.css$/ }, async ({ path }) => {
      const { code } = await transform(await readFile(path, "utf8"), { loader: "css", minify: true });
      return { contents: code.trim(), loader: "text" };
    });
  },
};

const banner = option("banner:js", "");
const { metafile } = await build({
  entryPoints: ["src/main.ts"], outfile: option("outfile", "labkit_widgets/static/widget.js"),
  bundle: true, minify: true, format: "esm", target: "es2022", charset: "utf8", logLevel: "warning", metafile: true,
  plugins: [styles], ...(banner && { banner: { js: banner } }),
});
if (option("metafile")) await writeFile(option("metafile"), JSON.stringify(metafile));
