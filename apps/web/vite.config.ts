// One page; the server puts the path that it is served below in the place of /__BASE__.

export default {
  base: '/__BASE__/',
  build: {
    target: 'es2022',
    assetsDir: 'page',
    modulePreload: { polyfill: false },
    assetsInlineLimit: 0,
  },
  oxc: { jsx: { runtime: 'automatic', importSource: 'preact' } },
};
