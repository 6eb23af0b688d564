namespace DCCL.ML.Recommendation;

public sealed partial class TopItemsEstimator
{
    /// <summary>The options of <see cref="TopItemsEstimator"/>.</summary>
    /// <remarks>Immutable and thread-safe.</remarks>
    public sealed class Options
    {
        // Each row has vectors of so many values: what asks for more is a slip, or a damaged file.
        private const int LargestNumberOfItems = 65_536;

        /// <summary>Gets the number of items at most.</summary>
        /// <value>The default is 10. From 1 to 65,536. A row with fewer items is filled up with the missing key and NaN.</value>
        public int NumberOfItems { get; init; } = 10;

        /// <summary>Gets a value indicating whether items that the user has had, as far as the model remembers them or, with a history column, as the row says, are left out.</summary>
        /// <value>The default is <see langword="true"/>.</value>
        public bool ExcludesSeen { get; init; } = true;

        /// <summary>Gets the name of the column that holds the user: a key of the model, or the raw id as text.</summary>
        /// <value>The default is <see langword="null"/>: the user column that the model was trained with.</value>
        public string? UserColumnName { get; init; }

        /// <summary>Gets the name of the column that receives the items.</summary>
        /// <value>The default is TopItems.</value>
        public string ItemsColumnName { get; init; } = "TopItems";

        /// <summary>Gets the name of the column that receives the items' scores.</summary>
        /// <value>The default is TopScores.</value>
        public string ScoresColumnName { get; init; } = "TopScores";

        internal void Validate()
        {
            List<string> faults = [];
            if (NumberOfItems is < 1 or > LargestNumberOfItems)
            {
                faults.Add($"{nameof(NumberOfItems)} must be from 1 to {LargestNumberOfItems}, but is {NumberOfItems}.");
            }

            if (UserColumnName is not null)
            {
                AddIfEmpty(nameof(UserColumnName), UserColumnName);
            }

            AddIfEmpty(nameof(ItemsColumnName), ItemsColumnName);
            AddIfEmpty(nameof(ScoresColumnName), ScoresColumnName);
            if (ItemsColumnName == ScoresColumnName)
            {
                faults.Add($"{nameof(ItemsColumnName)} and {nameof(ScoresColumnName)} must differ, but both are '{ItemsColumnName}'.");
            }

            if (faults.Count > 0)
            {
                throw new ArgumentException($"TopItemsEstimator.Options: {string.Join(" ", faults)}");
            }

            void AddIfEmpty(string name, string? value)
            {
                if (string.IsNullOrEmpty(value))
                {
                    faults.Add($"{name} must be the name of a column, but is empty.");
                }
            }
        }
    }
}
