"""The part of the tool that runs in its own interpreter: commands, options, fixes, reports. No torch, no worker."""
