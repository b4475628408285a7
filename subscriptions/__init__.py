"""Who is told what, and did they hear: topics, matching, notification, delivery."""
