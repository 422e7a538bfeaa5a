"""`resnet-lint server`: the language server for editors. Only its command imports pygls."""
