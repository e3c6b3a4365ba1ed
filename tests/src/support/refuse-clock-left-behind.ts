// The files of a worker share its globals: a clock that one of them left faked would let the next wait for ever.

if ('clock' in setTimeout)
  throw new Error('An earlier test file of this worker left its fake timers behind');
