"""What is kept beside callbacks: keys, holds, contacts, interactions, webhooks, the journal."""
