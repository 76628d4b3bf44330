"""What keeps watching a gate after it has opened."""
