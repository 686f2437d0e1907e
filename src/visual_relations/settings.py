"""Project settings; see https://docs.kedro.org/en/stable/configure/configuration_basics/."""

from visual_relations.hooks import ManifestHook, QuietLibrariesHook

HOOKS = (ManifestHook(), QuietLibrariesHook())

CONFIG_LOADER_ARGS = {
    "base_env": "base",
    "default_run_env": "local",
    # Parameters of an environment are merged key by key: a folder holds only what differs from base.
    "merge_strategy": {"parameters": "soft", "globals": "soft"},
}
