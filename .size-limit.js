// What core weighs in an app that bundles it, with its one dependency and without Node's own modules.
export default [
  {
    name: "@multifleet/core",
    path: "packages/core/dist/index.js",
    limit: "9 kB",
    gzip: true,
    modifyEsbuildConfig: (config) => ({ ...config, platform: "node" }),
  },
];
