"""Facts about drugs: ingredients, classes, schedules, interactions, limits."""
