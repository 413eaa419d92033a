/**
 * Writes src/server/api.ts from the JSON Schema of the server extension's API (`jlpm api`), or
 * says whether it is current (`jlpm api:check`). The Python that runs must have phtlab installed.
 */
import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import process from 'node:process';

import { compile } from 'json-schema-to-typescript';
import prettier from 'prettier';

const FILE = 'src/server/api.ts';
const BANNER = `/**
 * The API of the server extension: what it takes and answers.
 *
 * Made from the models in phtlab/lab/server/api by \`jlpm api\`: change these, not this file.
 */`;

const schema = execFileSync('python', ['-m', 'phtlab.lab.server.api_schema'], {
  encoding: 'utf8'
});
const interfaces = await compile(JSON.parse(schema), 'IApi', {
  bannerComment: BANNER,
  additionalProperties: false,
  format: false
});
const source = await prettier.format(interfaces.replace(/^}$/gm, '}\n'), {
  ...(await prettier.resolveConfig(FILE)),
  filepath: FILE
});

if (!process.argv.includes('--check')) {
  writeFileSync(FILE, source);
} else if (readFileSync(FILE, 'utf8') !== source) {
  process.stderr.write(
    `${FILE} is not current: the models in phtlab/lab/server/api changed. Run: jlpm api\n`
  );
  process.exitCode = 1;
}
