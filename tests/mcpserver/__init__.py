"""An MCP server for tests."""
