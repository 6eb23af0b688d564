/** What is thrown for a file that is not what it must be. The message names the file, what was expected and found, and the remedy. */
export class Refusal extends Error {
  /**
   * @param {string} reason One word for programs: unreadable, otherModel, wrongSize, notFinite, twoPatches.
   * @param {string} message The message for people.
   */
  constructor(reason, message) {
    super(message);
    this.name = "Refusal";
    this.reason = reason;
  }
}
