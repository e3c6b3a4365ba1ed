#!/usr/bin/env -S node --
// Answers can hold megabytes of logs. V8 lets such garbage pile up to hundreds of megabytes unless it is told otherwise, before anything is loaded.
import { setFlagsFromString } from 'node:v8';

setFlagsFromString('--optimize-for-size');
await import('../dist/bundle/main.js');
