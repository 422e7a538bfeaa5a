"""`resnet-lint mcp`: the tools for coding agents. Only its command imports the SDK of the protocol."""
