'use strict';
// Takes the place of @vscode/spdlog, the log writer, in plain JavaScript: nothing is compiled then.
// Every export is an assignment of its own, because the server imports this file as an ES module and
// Node finds the names by scanning its text.

const fs = require('node:fs');
const path = require('node:path');

const LEVELS = ['trace', 'debug', 'info', 'warn', 'error', 'critical'];

class Logger {
  constructor(file) {
    this.file = file;
    this.level = LEVELS.indexOf('info');
    fs.mkdirSync(path.dirname(file), { recursive: true });
  }

  getLevel() {
    return this.level;
  }

  setLevel(level) {
    this.level = level;
  }

  write(level, message) {
    if (level < this.level) return;
    try {
      fs.appendFileSync(this.file, `${LEVELS[level]} ${message}\n`);
    } catch {
      // The data folder of a finished test is gone; its last lines may go with it.
    }
  }

  setPattern() {}
  clearFormatters() {}
  flush() {}
  drop() {}
}
LEVELS.forEach((name, level) => {
  Logger.prototype[name] = function (message) {
    this.write(level, message);
  };
});

exports.version = 0;
exports.Logger = Logger;
exports.setLevel = () => {};
exports.setFlushOn = () => {};
exports.createRotatingLogger = async (_name, file) => new Logger(file);
exports.createAsyncRotatingLogger = async (_name, file) => new Logger(file);
