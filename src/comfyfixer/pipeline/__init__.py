"""The one-way street: scan, resolve, download; one file per step. Rules live elsewhere."""
