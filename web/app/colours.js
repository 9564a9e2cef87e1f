// Placeholder until the branch of Markdown is merged.
export const colour = (text) => text;
