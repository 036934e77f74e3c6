export default {
  serverExternalPackages: ['loghive'], // not bundled, so that the whole server shares one connection
};
