using DCCL.ML.Data;

namespace OnDeviceWeb;

/// <summary>An item as the page shows it.</summary>
/// <param name="Id">The raw id.</param>
/// <param name="Title">A made-up title.</param>
/// <param name="Genre">What the planted taste says.</param>
/// <param name="Mood">What the planted attributes say: one of <see cref="Catalogue.Moods"/>.</param>
internal sealed record CatalogueItem(string Id, string Title, string Genre, string Mood);

/// <summary>Names for the items of the built-in data, which have only numbers: pieces of music, told apart by what was planted in them.</summary>
/// <remarks>
/// Each item has a taste, three numbers, which a person's history tells the cloud model; and two attributes, which people like or dislike for
/// reasons that the history does not show. Taste becomes the genre, the attributes become the mood. So pieces of one mood
/// are what a person's patch can bring together.
/// </remarks>
internal static class Catalogue
{
    private const int NumberOfTastes = 3;
    private const int NumberOfAttributes = 2;
    private const int NumberOfItems = 240;

    private static readonly string[] _genres = ["Ambient", "Techno", "Folk", "Jazz", "Waltz", "Blues"];

    private static readonly string[][] _adjectives =
    [
        ["Lively", "Dancing", "Running"], ["Radiant", "Sparkling", "Festive"], ["Bright", "Golden", "Sunlit"], ["Serene", "Gentle", "Airy"],
        ["Calm", "Still", "Slow"], ["Brooding", "Misty", "Pensive"], ["Dark", "Midnight", "Hollow"], ["Stormy", "Restless", "Wild"],
    ];

    private static readonly string[] _nouns =
    [
        "Harbour", "Lantern", "Meadow", "Tide", "Garden", "Ember", "Window", "Orchard", "River", "Station", "Mirror", "Valley", "Winter",
        "Morning", "Bridge", "Island", "Feather", "Mountain", "Market", "Cinder", "Willow", "Compass", "Rooftop", "Pebble", "Canyon",
    ];

    /// <summary>Gets the moods, around the circle from lively by bright, calm and dark.</summary>
    public static IReadOnlyList<string> Moods { get; } = [.. _adjectives.Select(words => words[0])];

    /// <summary>Names all items.</summary>
    public static IReadOnlyList<CatalogueItem> Create(SyntheticDeviceCloud data)
    {
        string[] ids = [.. Enumerable.Range(1, NumberOfItems).Select(SyntheticDeviceCloud.GetItemId)];
        string user = SyntheticDeviceCloud.GetUserId(1);
        double[] plain = [.. ids.Select(id => data.GetTrueLogit(user, id, 0, null, withResidual: false))];

        // What an item before it adds to the worth of another is how alike their tastes are.
        double[][] tastes = Coordinates.Whiten([.. ids.Take(NumberOfTastes)
            .Select(other => ids.Select((id, j) => data.GetTrueLogit(user, id, 0, other, withResidual: false) - plain[j]).ToArray())]);

        // What a person's own liking adds, for as many people as there are attributes.
        double[][] attributes = Coordinates.Whiten([.. Enumerable.Range(1, NumberOfAttributes).Select(SyntheticDeviceCloud.GetUserId)
            .Select(person => ids.Select(id => data.GetTrueLogit(person, id, data.DeviceStart, null) - data.GetTrueLogit(person, id, data.DeviceStart, null, withResidual: false)).ToArray())]);
        int[] used = new int[_adjectives.Length];
        return [.. ids.Select((id, j) =>
        {
            int mood = GetMood(attributes[0][j], attributes[1][j]);
            int number = used[mood]++;
            string[] adjectives = _adjectives[mood];
            string title = $"{adjectives[number % adjectives.Length]} {_nouns[((number / adjectives.Length) + (5 * mood) + (9 * (number % adjectives.Length))) % _nouns.Length]}";
            return new CatalogueItem(id, title, GetGenre([.. tastes.Select(values => values[j])]), Moods[mood]);
        })];
    }

    // x goes from calm (negative) to lively, y from dark (negative) to bright.
    private static int GetMood(double x, double y)
    {
        int octant = (int)Math.Round(Math.Atan2(y, x) / (Math.PI / 4));
        return (octant + _adjectives.Length) % _adjectives.Length;
    }

    // The direction of taste that is strongest.
    private static string GetGenre(double[] taste)
    {
        int strongest = Enumerable.Range(0, taste.Length).MaxBy(k => Math.Abs(taste[k]));
        return _genres[(2 * strongest) + (taste[strongest] > 0 ? 0 : 1)];
    }
}
