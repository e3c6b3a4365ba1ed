#!/usr/bin/env -S node --
// Compiled code is kept from one start to the next, where Node can: from 22.1 on.
import module from 'node:module';

module.enableCompileCache?.();
await import('../dist/bundle/entry-point.js');
