"""The MCP server: tools with which an assistant works on the todos of its user."""
