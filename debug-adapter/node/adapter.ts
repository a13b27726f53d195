// The debug adapter's process, as the extension forks it: one for each machine. It listens on the named
// pipe that its parent chose, says when it does, and ends with its last session or with its parent.
//
//   node adapter.js PIPE

import { keepCompiledCode } from './compile-cache.ts';

const [pipe] = process.argv.slice(2);
if (pipe === undefined || process.send === undefined) {
  console.error('This program is started by the editor. `xenscope dap` serves other clients.');
  process.exit(2);
}

keepCompiledCode();
const { listen } = await import('./stdio.ts');
const server = await listen(pipe);
let sessions = 0;
server.on('connection', (socket) => {
  sessions++;
  socket.on('close', () => {
    sessions--;
    if (sessions === 0) process.exit(0);
  });
});
process.on('disconnect', () => process.exit(0));
process.send({ listening: pipe });
