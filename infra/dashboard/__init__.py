"""The lineage dashboard: a local, read-only web page made from the manifests and files of the store."""
