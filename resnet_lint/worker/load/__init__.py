"""Imports a user's file by executing its definitions only."""
