// Asks a URL a hundred times, one after the other, and prints the times of the answers in milliseconds, as JSON.

import { get } from 'node:http';

const [, , url] = process.argv;
const times = [];
for (let count = 0; count < 100; count += 1) {
  const begunMs = performance.now();
  await new Promise((resolve, reject) => {
    get(url, { agent: false }, (answer) => answer.resume().once('end', resolve)).once(
      'error',
      reject,
    );
  });
  times.push(performance.now() - begunMs);
}
process.stdout.write(JSON.stringify(times));
