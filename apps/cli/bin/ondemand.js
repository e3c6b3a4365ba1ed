#!/usr/bin/env node
require('../dist/entry-point.cjs');
